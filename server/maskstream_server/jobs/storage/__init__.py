"""Where the files of videos lie: in a folder, or in a bucket."""
