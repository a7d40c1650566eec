"""What users expect of ports: their own notes and a project's."""
