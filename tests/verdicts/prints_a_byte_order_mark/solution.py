print(f"\ufeff{2 * int(input())}")
