/// Base64 (RFC 4648): written in the standard alphabet with padding, read in
/// either alphabet, padded or not.
package enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let padding = UInt8(ascii: "=")

    package static func encode(_ bytes: [UInt8]) -> String {
        var out: [UInt8] = []
        out.reserveCapacity((bytes.count + 2) / 3 * 4)
        var at = 0
        while at < bytes.count {
            let left = bytes.count - at
            let second: UInt8 = left > 1 ? bytes[at + 1] : 0
            let third: UInt8 = left > 2 ? bytes[at + 2] : 0
            let group: UInt32 = UInt32(bytes[at]) << 16 | UInt32(second) << 8 | UInt32(third)
            out.append(alphabet[Int(group >> 18)])
            out.append(alphabet[Int((group >> 12) & 63)])
            out.append(left > 1 ? alphabet[Int((group >> 6) & 63)] : padding)
            out.append(left > 2 ? alphabet[Int(group & 63)] : padding)
            at += 3
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// The bytes, or nil for a stray character, a single leftover digit, bits left
    /// over that are not zero, or padding in the wrong place.
    package static func decode(_ text: String) -> [UInt8]? {
        var digits = Array(text.utf8)[...]
        var padded = 0
        while padded < 2, digits.last == padding {
            digits.removeLast()
            padded += 1
        }
        guard digits.count % 4 != 1, padded == 0 || (digits.count + padded) % 4 == 0 else { return nil }
        var out: [UInt8] = []
        out.reserveCapacity(digits.count * 3 / 4)
        var group: UInt32 = 0
        var bits = 0
        for digit in digits {
            guard let value = Self.value(of: digit) else { return nil }
            group = (group << 6 | UInt32(value)) & 0xffff
            bits += 6
            if bits >= 8 {
                bits -= 8
                out.append(UInt8(truncatingIfNeeded: group >> UInt32(bits)))
            }
        }
        // Two texts for the same bytes would make two fingerprints of one header.
        guard group & ((1 << UInt32(bits)) - 1) == 0 else { return nil }
        return out
    }

    private static func value(of digit: UInt8) -> UInt8? {
        switch digit {
        case 0x41...0x5a: digit - 0x41
        case 0x61...0x7a: digit - 0x61 + 26
        case 0x30...0x39: digit - 0x30 + 52
        case UInt8(ascii: "+"), UInt8(ascii: "-"): 62
        case UInt8(ascii: "/"), UInt8(ascii: "_"): 63
        default: nil
        }
    }
}
