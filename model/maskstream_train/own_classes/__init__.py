"""Models of one's own: any class names, trained on few annotated pictures or videos."""
