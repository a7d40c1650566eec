"""Text of other tools into values: error messages, socket lists, flow logs."""
