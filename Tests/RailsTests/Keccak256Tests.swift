import Kernel
import Rails
import Testing

@Suite struct Keccak256Tests {
    struct Vector: Sendable, CustomTestStringConvertible {
        let message: [UInt8]
        let digest: String
        var testDescription: String { "\(message.count) bytes" }
    }

    // Digests by eth_utils 5 (pycryptodome): around the block of 136 bytes is where padding goes wrong.
    static let vectors: [Vector] = [
        Vector(message: [], digest: "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        Vector(message: Array("abc".utf8), digest: "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
        Vector(
            message: Array("The quick brown fox jumps over the lazy dog".utf8),
            digest: "4d741b6f1eb29cb2a9b9911c82f56fa8d73b04959d3d9d222895df6c0b28aa15"),
        Vector(message: zeros(135), digest: "29e3704feeca7fb9ba229f0fa04d9b36449cf3ad6e1d85d9cfff3a10df9abc3e"),
        Vector(message: zeros(136), digest: "3a5912a7c5faa06ee4fe906253e339467a9ce87d533c65be3c15cb231cdb25f9"),
        Vector(message: zeros(137), digest: "bee7fbb405cb0d91a8775e338c4a5e4b5d6b2d051f687fa942043cffdc73bd28"),
        Vector(
            message: (0..<1000).map { (place: Int) -> UInt8 in UInt8(place % 251) },
            digest: "af692982e84a5a9688359025660a7857cd28ee7c8d867cfa1677baf2e6d1f63b"),
    ]

    private static func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }

    @Test("digests are Ethereum's", arguments: vectors)
    func digest(_ vector: Vector) {
        #expect(Hex.encode(Keccak256.hash(vector.message)) == vector.digest)
    }

    @Test("a part of a larger buffer is hashed alone")
    func unalignedPart() {
        let padded: [UInt8] = [9] + Array("abc".utf8) + [9]
        let digest = padded.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) -> [UInt8] in
            Keccak256.hash(UnsafeRawBufferPointer(rebasing: bytes[1..<4]))
        }
        #expect(digest == Keccak256.hash(Array("abc".utf8)))
    }
}
