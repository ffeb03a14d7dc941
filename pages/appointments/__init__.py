"""Pages about when: booking, one's own visits, the line, the timetable."""
