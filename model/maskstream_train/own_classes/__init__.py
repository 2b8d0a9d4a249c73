"""Models of own classes: any class names, trained on few annotated pictures or videos."""
