import Kernel
import Rails
import Testing

@Suite struct EIP712Tests {
    static func transfer(value: String, validAfter: String, validBefore: String) throws -> TransferAuthorization {
        let nonce: [UInt8] = (0..<32).map { (place: Int) -> UInt8 in UInt8(place) }
        let json: JSON = .object([
            JSON.Member("from", .string(Buyer.key.address.checksummed)), JSON.Member("to", .string(Buyer.payTo)),
            JSON.Member("value", .string(value)), JSON.Member("validAfter", .string(validAfter)),
            JSON.Member("validBefore", .string(validBefore)), JSON.Member("nonce", .string("0x" + Hex.encode(nonce))),
        ])
        return try #require(TransferAuthorization(json: json))
    }

    static func domain(_ network: EVMNetwork) throws -> EIP712Domain {
        let token = try #require(network.usdc)
        let contract = try #require(EVMAddress(token.address))
        return EIP712Domain(name: token.name, version: token.version, chainID: network.chainID, contract: contract)
    }

    @Test("type hashes are those of the standards")
    func typeHashes() {
        #expect(Hex.encode(EIP712Domain.typeHash) == "8b73c3c69bb8fe3d512ecc4cf759cc79239f7b179b0ffacaa9a75d522b39400f")
        #expect(Hex.encode(TransferAuthorization.typeHash) == "7c7c6cdb67a18743f49ec6fa9b35f50d52ed05cbed4cc592e13b44501c1a2267")
    }

    @Test("separator, struct hash, digest and signature are eth_account's")
    func golden() throws {
        let domain = try Self.domain(.baseSepolia)
        let transfer = try Self.transfer(value: "10000", validAfter: "1699999400", validBefore: "1700000300")
        #expect(Hex.encode(domain.separator) == Golden.separator)
        #expect(Hex.encode(transfer.structHash) == Golden.structHash)
        #expect(Hex.encode(transfer.digest(domain)) == Golden.digest)
        #expect(Hex.encode(Secp256k1.sign(transfer.digest(domain), Buyer.key)) == Golden.signature)
    }

    @Test("the largest numbers are signed whole")
    func largest() throws {
        let domain = try Self.domain(.baseSepolia)
        let transfer = try Self.transfer(value: UInt256Tests.max, validAfter: "0", validBefore: UInt256Tests.max)
        #expect(Hex.encode(transfer.structHash) == Golden.largestStructHash)
        #expect(Hex.encode(transfer.digest(domain)) == Golden.largestDigest)
        #expect(Hex.encode(Secp256k1.sign(transfer.digest(domain), Buyer.key)) == Golden.largestSignature)
    }

    @Test("a signature is bound to its chain and token")
    func otherDomain() throws {
        let base = try Self.domain(.base)
        let transfer = try Self.transfer(value: "10000", validAfter: "1699999400", validBefore: "1700000300")
        #expect(Hex.encode(base.separator) == Golden.baseSeparator)
        #expect(Hex.encode(transfer.digest(base)) == Golden.baseDigest)
    }

    @Test("the separators kept never answer for another domain, however many come")
    func cache() throws {
        let transfer = try Self.transfer(value: "1", validAfter: "0", validBefore: "1")
        let contract = try #require(EVMAddress(Buyer.payTo))
        for round in 0..<2 {
            for number in 0..<200 {
                let domain = EIP712Domain(name: "Token \(number)", version: "2", chainID: 1, contract: contract)
                var bytes: [UInt8] = [0x19, 0x01]
                bytes += domain.separator
                bytes += transfer.structHash
                #expect(transfer.digest(domain) == Keccak256.hash(bytes), "round \(round), token \(number)")
            }
        }
    }

    @Test("an authorization is written as it is read; whole numbers are read too")
    func json() throws {
        let transfer = try Self.transfer(value: "10000", validAfter: "0", validBefore: "1700000300")
        #expect(TransferAuthorization(json: transfer.json) == transfer)
        let members: [JSON.Member] = transfer.json.members ?? []
        let loose: [JSON.Member] = members.map { (member: JSON.Member) -> JSON.Member in
            ["value", "validAfter", "validBefore"].contains(member.key) ? JSON.Member(member.key, .number(member.value.text ?? "")) : member
        }
        #expect(TransferAuthorization(json: .object(loose)) == transfer)
        for member in members {
            #expect(TransferAuthorization(json: .object(members.filter { $0.key != member.key })) == nil, "without \(member.key)")
        }
    }
}
