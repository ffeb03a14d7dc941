"""The rules of the hospital: every use case, behind one policy and one transaction."""
