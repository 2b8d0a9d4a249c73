"""Where the files of videos are: in a folder, or in a bucket."""
