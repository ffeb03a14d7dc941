"""From a signed prescription to the parcel at the door (药事)."""
