"""What a person sees and clicks: every page asks a service and shows the answer."""
