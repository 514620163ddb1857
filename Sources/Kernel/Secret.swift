/// A value that must not be seen: a key, a password, a signing secret.
///
/// It cannot be printed, interpolated, dumped or encoded by accident: every such
/// way gives `•••`. Reading it is one long word, easy to find in a review.
package struct Secret<Value: Sendable>: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let value: Value
    package init(_ value: Value) { self.value = value }

    package func exposeSecret() -> Value { value }

    package var description: String { "•••" }
    package var debugDescription: String { "•••" }
    package var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}

/// Compares in time that depends on the lengths alone.
package func equalInConstantTime(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    guard a.count == b.count else { return false }
    var difference: UInt8 = 0
    for place in a.indices { difference |= a[place] ^ b[place] }
    return difference == 0
}
