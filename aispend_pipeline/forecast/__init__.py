"""What a month will come to, from the days that are known of it and of those before; pure functions over daily USD."""
