"""What happens by the clock or on an administrator's word."""
