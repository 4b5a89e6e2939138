To solve this, we multiply the number by two. The answer for 2 is 4.
