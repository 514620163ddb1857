/// Keccak-256 as Ethereum uses it: the padding of the original submission
/// (`0x01`), not the one that became SHA-3 (`0x06`).
///
/// Every verification runs it half a dozen times, so the permutation keeps its
/// 25 lanes in local variables and allocates nothing.
///
/// - SeeAlso: The Keccak reference, version 3.0, sections 1.2 and 2.
package enum Keccak256 {
    /// Bytes taken in per permutation: 1600 bits less twice the 256 of the digest.
    private static let rate = 136

    /// The 32-byte digest of `bytes`.
    package static func hash(_ bytes: [UInt8]) -> [UInt8] {
        bytes.withUnsafeBytes { (buffer: UnsafeRawBufferPointer) -> [UInt8] in hash(buffer) }
    }

    /// The 32-byte digest of a buffer, which is read and not kept.
    package static func hash(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 25) { (state: UnsafeMutableBufferPointer<UInt64>) -> [UInt8] in
            state.initialize(repeating: 0)
            absorb(bytes, into: state)
            return [UInt8](unsafeUninitializedCapacity: 32) { out, count in
                for place in 0..<32 { out[place] = UInt8(truncatingIfNeeded: state[place / 8] &>> UInt64(8 * (place % 8))) }
                count = 32
            }
        }
    }

    private static func absorb(_ bytes: UnsafeRawBufferPointer, into state: UnsafeMutableBufferPointer<UInt64>) {
        var offset = 0
        while bytes.count - offset >= rate {
            for lane in 0..<rate / 8 {
                state[lane] ^= UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset + lane * 8, as: UInt64.self))
            }
            permute(state)
            offset += rate
        }
        var place = 0
        while offset + place < bytes.count {
            state[place / 8] ^= UInt64(bytes[offset + place]) &<< UInt64(8 * (place % 8))
            place += 1
        }
        // One bit after the message, one at the end of the block: both in the
        // same byte when the message fills the block but for one.
        state[place / 8] ^= UInt64(1) &<< UInt64(8 * (place % 8))
        state[rate / 8 - 1] ^= 0x8000_0000_0000_0000
        permute(state)
    }

    @inline(__always)
    private static func rotate(_ lane: UInt64, _ count: UInt64) -> UInt64 { (lane &<< count) | (lane &>> (64 &- count)) }

    /// One application of Keccak-f[1600]. Lane `aN` stands at x = N mod 5, y = N / 5.
    private static func permute(_ s: UnsafeMutableBufferPointer<UInt64>) {
        var (a0, a1, a2, a3, a4) = (s[0], s[1], s[2], s[3], s[4])
        var (a5, a6, a7, a8, a9) = (s[5], s[6], s[7], s[8], s[9])
        var (a10, a11, a12, a13, a14) = (s[10], s[11], s[12], s[13], s[14])
        var (a15, a16, a17, a18, a19) = (s[15], s[16], s[17], s[18], s[19])
        var (a20, a21, a22, a23, a24) = (s[20], s[21], s[22], s[23], s[24])
        for constant in roundConstants {
            // Theta: each lane takes in the parity of two columns.
            let c0: UInt64 = a0 ^ a5 ^ a10 ^ a15 ^ a20
            let c1: UInt64 = a1 ^ a6 ^ a11 ^ a16 ^ a21
            let c2: UInt64 = a2 ^ a7 ^ a12 ^ a17 ^ a22
            let c3: UInt64 = a3 ^ a8 ^ a13 ^ a18 ^ a23
            let c4: UInt64 = a4 ^ a9 ^ a14 ^ a19 ^ a24
            let d0: UInt64 = c4 ^ rotate(c1, 1)
            let d1: UInt64 = c0 ^ rotate(c2, 1)
            let d2: UInt64 = c1 ^ rotate(c3, 1)
            let d3: UInt64 = c2 ^ rotate(c4, 1)
            let d4: UInt64 = c3 ^ rotate(c0, 1)
            // Rho and pi: lanes turn and change places.
            let b0: UInt64 = a0 ^ d0
            let b1: UInt64 = rotate(a6 ^ d1, 44)
            let b2: UInt64 = rotate(a12 ^ d2, 43)
            let b3: UInt64 = rotate(a18 ^ d3, 21)
            let b4: UInt64 = rotate(a24 ^ d4, 14)
            let b5: UInt64 = rotate(a3 ^ d3, 28)
            let b6: UInt64 = rotate(a9 ^ d4, 20)
            let b7: UInt64 = rotate(a10 ^ d0, 3)
            let b8: UInt64 = rotate(a16 ^ d1, 45)
            let b9: UInt64 = rotate(a22 ^ d2, 61)
            let b10: UInt64 = rotate(a1 ^ d1, 1)
            let b11: UInt64 = rotate(a7 ^ d2, 6)
            let b12: UInt64 = rotate(a13 ^ d3, 25)
            let b13: UInt64 = rotate(a19 ^ d4, 8)
            let b14: UInt64 = rotate(a20 ^ d0, 18)
            let b15: UInt64 = rotate(a4 ^ d4, 27)
            let b16: UInt64 = rotate(a5 ^ d0, 36)
            let b17: UInt64 = rotate(a11 ^ d1, 10)
            let b18: UInt64 = rotate(a17 ^ d2, 15)
            let b19: UInt64 = rotate(a23 ^ d3, 56)
            let b20: UInt64 = rotate(a2 ^ d2, 62)
            let b21: UInt64 = rotate(a8 ^ d3, 55)
            let b22: UInt64 = rotate(a14 ^ d4, 39)
            let b23: UInt64 = rotate(a15 ^ d0, 41)
            let b24: UInt64 = rotate(a21 ^ d1, 2)
            // Chi: the only step that is not linear. Iota: the round's own constant.
            a0 = b0 ^ (~b1 & b2) ^ constant
            a1 = b1 ^ (~b2 & b3)
            a2 = b2 ^ (~b3 & b4)
            a3 = b3 ^ (~b4 & b0)
            a4 = b4 ^ (~b0 & b1)
            a5 = b5 ^ (~b6 & b7)
            a6 = b6 ^ (~b7 & b8)
            a7 = b7 ^ (~b8 & b9)
            a8 = b8 ^ (~b9 & b5)
            a9 = b9 ^ (~b5 & b6)
            a10 = b10 ^ (~b11 & b12)
            a11 = b11 ^ (~b12 & b13)
            a12 = b12 ^ (~b13 & b14)
            a13 = b13 ^ (~b14 & b10)
            a14 = b14 ^ (~b10 & b11)
            a15 = b15 ^ (~b16 & b17)
            a16 = b16 ^ (~b17 & b18)
            a17 = b17 ^ (~b18 & b19)
            a18 = b18 ^ (~b19 & b15)
            a19 = b19 ^ (~b15 & b16)
            a20 = b20 ^ (~b21 & b22)
            a21 = b21 ^ (~b22 & b23)
            a22 = b22 ^ (~b23 & b24)
            a23 = b23 ^ (~b24 & b20)
            a24 = b24 ^ (~b20 & b21)
        }
        (s[0], s[1], s[2], s[3], s[4]) = (a0, a1, a2, a3, a4)
        (s[5], s[6], s[7], s[8], s[9]) = (a5, a6, a7, a8, a9)
        (s[10], s[11], s[12], s[13], s[14]) = (a10, a11, a12, a13, a14)
        (s[15], s[16], s[17], s[18], s[19]) = (a15, a16, a17, a18, a19)
        (s[20], s[21], s[22], s[23], s[24]) = (a20, a21, a22, a23, a24)
    }

    private static let roundConstants: [UInt64] = [
        0x0000_0000_0000_0001, 0x0000_0000_0000_8082, 0x8000_0000_0000_808a, 0x8000_0000_8000_8000,
        0x0000_0000_0000_808b, 0x0000_0000_8000_0001, 0x8000_0000_8000_8081, 0x8000_0000_0000_8009,
        0x0000_0000_0000_008a, 0x0000_0000_0000_0088, 0x0000_0000_8000_8009, 0x0000_0000_8000_000a,
        0x0000_0000_8000_808b, 0x8000_0000_0000_008b, 0x8000_0000_0000_8089, 0x8000_0000_0000_8003,
        0x8000_0000_0000_8002, 0x8000_0000_0000_0080, 0x0000_0000_0000_800a, 0x8000_0000_8000_000a,
        0x8000_0000_8000_8081, 0x8000_0000_0000_8080, 0x0000_0000_8000_0001, 0x8000_0000_8000_8008,
    ]
}
