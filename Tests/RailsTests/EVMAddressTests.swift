import Kernel
import Rails
import Testing

@Suite struct EVMAddressTests {
    // The examples of EIP-55.
    static let checksummed: [String] = [
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
        "0xde709f2102306220921060314715629080e2fb77",
        "0x27b1fdb04752bbc536007a920d24acb045561c26",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ]

    @Test("checksums are EIP-55's", arguments: checksummed)
    func checksum(_ text: String) {
        #expect(EVMAddress(text.lowercased())?.checksummed == text)
        #expect(EVMAddress(checksummed: text)?.lowercased == text.lowercased())
        let upper = "0x" + text.dropFirst(2).uppercased()
        #expect(EVMAddress(checksummed: upper)?.checksummed == text)
        #expect(EVMAddress(upper) == EVMAddress(text))
    }

    @Test("a wrong checksum is refused from people, not from the wire")
    func wrongChecksum() {
        let wrong = "0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
        #expect(EVMAddress(checksummed: wrong) == nil)
        #expect(EVMAddress(wrong)?.checksummed == "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")
    }

    @Test(
        "what is no address is refused",
        arguments: [
            "", "0x", "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe",
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAedd", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeg",
            "0x0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeA", " 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe",
        ])
    func refused(_ text: String) {
        #expect(EVMAddress(text) == nil)
        #expect(EVMAddress(checksummed: text) == nil)
    }

    @Test("every token in the table has a valid checksum, and no network comes twice")
    func table() {
        for token in EVMNetwork.all.compactMap(\.usdc) { #expect(EVMAddress(checksummed: token.address)?.checksummed == token.address) }
        #expect(Set(EVMNetwork.all.map(\.chainID)).count == EVMNetwork.all.count)
        for token in EVMNetwork.all.compactMap(\.usdc) { #expect(token.decimals == token.asset.scale) }
    }

    @Test("networks are found by either name, and chain ids are read strictly")
    func names() {
        #expect(EVMNetwork.caip2(v1Name: "base-sepolia") == "eip155:84532")
        #expect(EVMNetwork.v1Name(caip2: "eip155:8453") == "base")
        #expect(EVMNetwork.v1Name(caip2: "eip155:10") == nil)
        #expect(EVMNetwork.caip2(v1Name: "story") == nil)
        #expect(EVMNetwork.chainID(caip2: "eip155:31337") == 31337)
        for wrong in ["eip155:", "eip155:0", "eip155:01", "eip155:+1", "eip155:x", "eip155:99999999999999999999", "solana:1", "8453"] {
            #expect(EVMNetwork.chainID(caip2: wrong) == nil, "\(wrong)")
        }
    }
}
