"""The data path: contact list -> campaign contact -> call attempt -> POST -> callback -> outcome. Owns every table."""
