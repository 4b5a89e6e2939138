"""Linked lists and trees: given as LeetCode writes them, taken back the same way.

Answers are walked by attribute, as the solution's own node classes are as good as ours; a walk that
does not end is refused by name.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

from problems.values import Unencodable, encode

MAX_NODES = 1_000_000


class ListNode:
    """LeetCode's singly linked list."""

    __slots__ = ("__dict__", "next", "val")

    def __init__(self, val: Any = 0, next: Any = None) -> None:  # noqa: A002 - LeetCode's name
        self.val = val
        self.next = next


class TreeNode:
    """LeetCode's binary tree."""

    __slots__ = ("__dict__", "left", "right", "val")

    def __init__(self, val: Any = 0, left: Any = None, right: Any = None) -> None:
        self.val = val
        self.left = left
        self.right = right


def node_type(kind: str) -> str:
    """Which node class a type written as text is about, if any."""
    for name in ("ListNode", "TreeNode"):
        if name in kind:
            return name
    return ""


def _give_list(values: Any, kind: str) -> Any:
    if "list[" in kind.lower():
        return [_give_list(part, "ListNode") for part in values]
    head = None
    for value in reversed(values or []):
        head = ListNode(value, head)
    return head


def _give_tree(values: Any, kind: str) -> Any:
    if "list[" in kind.lower():
        return [_give_tree(part, "TreeNode") for part in values]
    nodes = [None if value is None else TreeNode(value) for value in values or []]
    if not nodes:
        return None
    following = iter(nodes[1:])
    for node in nodes:
        if node is not None:
            node.left = next(following, None)
            node.right = next(following, None)
    return nodes[0]


def _take_list(node: Any) -> str:
    if type(node) is list:
        return "[" + ",".join(map(_take_list, node)) + "]"
    values: list[Any] = []
    while node is not None:
        values.append(node.val)
        node = node.next
        if len(values) > MAX_NODES:
            raise Unencodable("ListNode that never ends (a cycle?)")
    return encode(values)


def _take_tree(node: Any) -> str:
    if type(node) is list:
        return "[" + ",".join(map(_take_tree, node)) + "]"
    values: list[Any] = []
    queue = deque([node])
    while queue:
        node = queue.popleft()
        values.append(None if node is None else node.val)
        if node is not None:
            queue.extend((node.left, node.right))
        if len(values) > MAX_NODES:
            raise Unencodable("TreeNode that never ends (a cycle?)")
    while values and values[-1] is None:
        values.pop()
    return encode(values)


GIVE: dict[str, Callable[[Any, str], Any]] = {"ListNode": _give_list, "TreeNode": _give_tree}
TAKE: dict[str, Callable[[Any], str]] = {"ListNode": _take_list, "TreeNode": _take_tree}
