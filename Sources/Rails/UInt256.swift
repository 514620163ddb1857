import BigInt

/// A number as contracts count: 256 bits, never negative.
package struct UInt256: Sendable, Hashable, Comparable {
    private let high: UInt128
    private let low: UInt128

    private init(high: UInt128, low: UInt128) {
        self.high = high
        self.low = low
    }

    package init(_ value: UInt64) {
        self.init(high: 0, low: UInt128(value))
    }

    /// Reads decimal digits: at most 78, no sign, leading zeros allowed, as the
    /// SDKs write any of them. Nil for anything else, or beyond 2²⁵⁶ − 1.
    package init?(decimal text: String) {
        let digits = text.utf8
        guard (1...78).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        guard digits.count > 18 else {
            self.init(digits.reduce(0 as UInt64) { (sum: UInt64, digit: UInt8) -> UInt64 in sum * 10 + UInt64(digit - 0x30) })
            return
        }
        guard let big = BigUInt(text, radix: 10) else { return nil }
        var limbs: [UInt64] = big.words.map { UInt64($0) }
        guard limbs.count <= 4 else { return nil }
        while limbs.count < 4 { limbs.append(0) }
        let low: UInt128 = UInt128(limbs[1]) << 64 | UInt128(limbs[0])
        let high: UInt128 = UInt128(limbs[3]) << 64 | UInt128(limbs[2])
        self.init(high: high, low: low)
    }

    /// The four 64-bit parts, the most significant first.
    private var limbs: [UInt64] {
        [
            UInt64(truncatingIfNeeded: high >> 64), UInt64(truncatingIfNeeded: high),
            UInt64(truncatingIfNeeded: low >> 64), UInt64(truncatingIfNeeded: low),
        ]
    }

    /// 32 bytes, the most significant first, as the ABI encodes it.
    package var bytes: [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(32)
        for limb in limbs {
            withUnsafeBytes(of: limb.bigEndian) { (bytes: UnsafeRawBufferPointer) -> Void in out.append(contentsOf: bytes) }
        }
        return out
    }

    /// The same number, or nil where it does not fit.
    package var int64: Int64? { high == 0 ? Int64(exactly: low) : nil }

    /// Decimal digits without leading zeros.
    package var decimal: String {
        if let small = int64 { return String(small) }
        let words: [UInt] = limbs.reversed().map { UInt($0) }
        return String(BigUInt(words: words))
    }

    package static func < (a: Self, b: Self) -> Bool { a.high == b.high ? a.low < b.low : a.high < b.high }
}
