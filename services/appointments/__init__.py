"""When: shifts, slots, bookings and the line in front of the door (预约)."""
