/// Hexadecimal text, as Ethereum and digests are written.
package enum Hex {
    private static let digits = Array("0123456789abcdef".utf8)

    /// Lower case, two digits a byte, without `0x`.
    ///
    /// Of an array and nothing else: a generic one is not specialised across
    /// modules, and ids, hashes and addresses are written on every request.
    package static func encode(_ bytes: [UInt8]) -> String {
        String(unsafeUninitializedCapacity: bytes.count * 2) { out in
            var at = 0
            for byte in bytes {
                out[at] = digits[Int(byte >> 4)]
                out[at + 1] = digits[Int(byte & 15)]
                at += 2
            }
            return at
        }
    }

    /// Reads either case, with or without `0x`. Nil for an odd count or anything else.
    package static func decode(_ text: String) -> [UInt8]? {
        var source = Array(text.utf8)[...]
        if source.starts(with: [0x30, 0x78]) || source.starts(with: [0x30, 0x58]) { source = source.dropFirst(2) }
        guard source.count.isMultiple(of: 2) else { return nil }
        var out: [UInt8] = []
        out.reserveCapacity(source.count / 2)
        var at = source.startIndex
        while at < source.endIndex {
            guard let high = digit(source[at]), let low = digit(source[at + 1]) else { return nil }
            out.append(high << 4 | low)
            at += 2
        }
        return out
    }

    package static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }
}
