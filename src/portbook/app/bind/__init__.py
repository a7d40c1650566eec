"""Why a bind fails or would succeed."""
