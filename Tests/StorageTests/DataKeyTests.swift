import Kernel
import Simulation
import Storage
import Testing

@Suite struct DataKeyTests {
    static let key = DataKey(Secret([UInt8](0..<32)))
    static let nonce = [UInt8](repeating: 7, count: 12)
    static let plain = Array("whsec_hush".utf8)

    @Test("what is sealed is opened", arguments: [0, 1, 15, 16, 17, 1_000])
    func opens(_ count: Int) throws {
        let plain = SeededChance(seed: 1).bytes(count)
        let sealed = try Self.key.seal(plain, for: "test", nonce: Self.nonce)
        #expect(sealed.count == 12 + count + 16)
        #expect(Array(sealed.prefix(12)) == Self.nonce)
        #expect(try Self.key.open(sealed, for: "test") == plain)
    }

    @Test func `nothing of it can be read`() throws {
        let sealed = try Self.key.seal(Self.plain, for: "test", nonce: Self.nonce)
        #expect(!Hex.encode(sealed).contains(Hex.encode(Self.plain)))
        let again = try Self.key.seal(Self.plain, for: "test", nonce: [UInt8](repeating: 8, count: 12))
        #expect(sealed.suffix(26) != again.suffix(26))
    }

    @Test func `it opens for its own purpose alone`() throws {
        let sealed = try Self.key.seal(Self.plain, for: "sellers.sandbox_key", nonce: Self.nonce)
        #expect(throws: (any Error).self) { try Self.key.open(sealed, for: "endpoints.secret") }
        #expect(throws: (any Error).self) { try Self.key.open(sealed, for: "") }
    }

    @Test func `another key does not open it`() throws {
        let sealed = try Self.key.seal(Self.plain, for: "test", nonce: Self.nonce)
        let other = DataKey(Secret([UInt8](1..<33)))
        #expect(throws: (any Error).self) { try other.open(sealed, for: "test") }
    }

    @Test func `one bit changed anywhere, or one byte less, and it does not open`() throws {
        let sealed = try Self.key.seal(Self.plain, for: "test", nonce: Self.nonce)
        for place in sealed.indices {
            var changed = sealed
            changed[place] ^= 1
            #expect(throws: (any Error).self, "byte \(place)") { try Self.key.open(changed, for: "test") }
        }
        for count in 0..<sealed.count {
            #expect(throws: (any Error).self, "\(count) bytes") { try Self.key.open(Array(sealed.prefix(count)), for: "test") }
        }
    }

    @Test func `a key is told apart by its fingerprint and never shown`() {
        // The first half of SHA-256 of 32 bytes from 0 to 31, and of 32 zeros.
        #expect(Self.key.fingerprint == "630dcd2966c43366")
        #expect(DataKey(Secret([UInt8](repeating: 0, count: 32))).fingerprint == "66687aadf862bd77")
        #expect(!"\(Self.key)".contains("SymmetricKey"))
        #expect("\(Self.key)".contains("•••"))
    }
}
