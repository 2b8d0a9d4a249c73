"""What is known of videos, which is the truth about them, and where it is kept."""
