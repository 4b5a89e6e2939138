"""What a problem is and where problems come from; imports nothing of ours."""
