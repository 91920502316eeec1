"""What goes over the wire: requests, answers, problems, events and their description."""
