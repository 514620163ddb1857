import Kernel
import Rails
import Simulation
import Testing

@Suite struct Secp256k1Tests {
    @Test("the address of a key is what eth_account says")
    func address() { #expect(Buyer.key.address.checksummed == "0x2c7536E3605D9C16a7a3D7b1898e529396a65c23") }

    @Test("what is signed is recovered, for many keys and digests")
    func roundTrip() throws {
        let chance = SeededChance(seed: 7)
        for _ in 0..<50 {
            let key = try EVMKey(chance.bytes(32))
            let digest = chance.bytes(32)
            let signature = Secp256k1.sign(digest, key)
            #expect(signature.count == 65 && (signature[64] == 27 || signature[64] == 28))
            #expect(try Secp256k1.recover(digest, signature) == key.address)
            #expect(try Secp256k1.canonical(signature) == signature)
        }
    }

    @Test("every form of one signature says the same")
    func forms() throws {
        let digest = try #require(Hex.decode(Golden.digest))
        let signature = try #require(Hex.decode(Golden.signature))
        var zeroBased = signature
        zeroBased[64] -= 27
        // EIP-2098: the parity in the highest bit of s.
        let compact = try #require(Hex.decode(Golden.compactSignature))
        for form in [signature, zeroBased, compact] {
            #expect(try Secp256k1.recover(digest, form) == Buyer.key.address)
            #expect(try Secp256k1.canonical(form) == signature)
        }
    }

    @Test("the twin with a high s is refused")
    func highS() throws {
        let twin = try #require(Hex.decode(Golden.highSignature))
        #expect(throws: Secp256k1.Fault.highS) { _ = try Secp256k1.recover([UInt8](repeating: 1, count: 32), twin) }
    }

    @Test("half of the order is the last s accepted")
    func boundary() throws {
        let half = try #require(Hex.decode("7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0"))
        var beyond = half
        beyond[31] += 1
        let r = [UInt8](repeating: 1, count: 32)
        #expect(try Secp256k1.canonical(r + half + [27]).count == 65)
        #expect(throws: Secp256k1.Fault.highS) { _ = try Secp256k1.canonical(r + beyond + [27]) }
    }

    @Test("zeros, other values of v and other lengths are refused")
    func refused() throws {
        let zero = [UInt8](repeating: 0, count: 32)
        let one = [UInt8](repeating: 1, count: 32)
        #expect(throws: Secp256k1.Fault.invalid) { _ = try Secp256k1.canonical(zero + one + [27]) }
        #expect(throws: Secp256k1.Fault.invalid) { _ = try Secp256k1.canonical(one + zero + [27]) }
        for v: UInt8 in [2, 3, 26, 29, 30, 255] {
            #expect(throws: Secp256k1.Fault.malformed) { _ = try Secp256k1.canonical(one + one + [v]) }
        }
        for count in [0, 1, 63, 66, 96] {
            #expect(throws: Secp256k1.Fault.malformed) { _ = try Secp256k1.canonical([UInt8](repeating: 1, count: count)) }
        }
        // r beyond the order of the curve.
        let beyond = [UInt8](repeating: 0xff, count: 32)
        #expect(throws: Secp256k1.Fault.invalid) { _ = try Secp256k1.recover(one, beyond + one + [27]) }
    }

    @Test("a key of zero, beyond the order or of another length is refused, and no key can be printed")
    func keys() throws {
        for bytes in [[UInt8](repeating: 0, count: 32), [UInt8](repeating: 0xff, count: 32), [UInt8](repeating: 1, count: 31)] {
            #expect(throws: Secp256k1.Fault.unusableKey) { _ = try EVMKey(bytes) }
        }
        #expect(throws: Secp256k1.Fault.unusableKey) { _ = try EVMKey(hex: "0xzz") }
        #expect(String(describing: Buyer.key).contains("•••"))
    }
}
