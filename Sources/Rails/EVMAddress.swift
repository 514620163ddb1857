import Kernel

/// An account or contract on an EVM network: 20 bytes.
package struct EVMAddress: Sendable, Hashable, CustomStringConvertible {
    package let bytes: [UInt8]

    /// Nil unless there are 20 bytes.
    package init?(bytes: [UInt8]) {
        guard bytes.count == 20 else { return nil }
        self.bytes = bytes
    }

    /// The last 20 bytes of the key's Keccak-256.
    ///
    /// - Parameter publicKey: 64 bytes: both coordinates, without the leading `0x04`.
    package init(publicKey: UnsafeRawBufferPointer) {
        precondition(publicKey.count == 64, "an uncompressed key has 64 bytes")
        bytes = Array(Keccak256.hash(publicKey).suffix(20))
    }

    /// Reads `0x` and 40 hex digits of any case: the wire's form, where a wrong
    /// checksum is no fault.
    package init?(_ text: String) {
        guard text.utf8.count == 42, text.utf8.starts(with: [0x30, 0x78]), let bytes = Hex.decode(text) else { return nil }
        self.init(bytes: bytes)
    }

    /// Reads an address that a person typed: mixed case must be its EIP-55
    /// checksum; all lower or all upper case has none to check.
    package init?(checksummed text: String) {
        self.init(text)
        let digits = text.utf8.dropFirst(2)
        let lower = digits.contains { (0x61...0x66).contains($0) }
        let upper = digits.contains { (0x41...0x46).contains($0) }
        if lower && upper && checksummed != text { return nil }
    }

    /// `0x` and 40 lower-case digits.
    package var lowercased: String { "0x" + Hex.encode(bytes) }

    /// With its checksum in the case of its letters.
    ///
    /// A letter is upper case where the same digit of the Keccak-256 of the
    /// lower-case text is 8 or more. Source: EIP-55.
    package var checksummed: String {
        var digits = Array(Hex.encode(bytes).utf8)
        let hash = Keccak256.hash(digits)
        for place in 0..<40 where digits[place] >= 0x61 {
            let nibble = place.isMultiple(of: 2) ? hash[place / 2] >> 4 : hash[place / 2] & 15
            if nibble >= 8 { digits[place] -= 0x20 }
        }
        return "0x" + String(decoding: digits, as: UTF8.self)
    }

    package var description: String { checksummed }
}
