"""The room in which two people see and hear each other (音视频)."""
