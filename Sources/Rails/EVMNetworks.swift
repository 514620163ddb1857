import Kernel

/// One EVM network: its ids, and the dollar token that pays on it.
///
/// The table is the one place where a network is added. A version 1 name that
/// the SDKs give to different chains (story, educhain, skale) has no place in it.
package struct EVMNetwork: Sendable, Hashable {
    package let chainID: UInt64
    /// What people call it.
    package let title: String
    /// The name in x402 version 1, where it has one that all SDKs agree on.
    package let v1Name: String?
    /// Circle's USDC, where the SDKs or their documentation name its contract.
    package let usdc: EVMToken?

    /// The id in x402 version 2, `eip155:` and the chain id.
    package let caip2: String

    private init(_ chainID: UInt64, _ title: String, v1 v1Name: String?, usdc: EVMToken? = nil) {
        self.chainID = chainID
        self.title = title
        self.v1Name = v1Name
        self.usdc = usdc
        caip2 = "eip155:\(chainID)"
    }

    package static let base = EVMNetwork(8453, "Base", v1: "base", usdc: .usdc("0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", "USD Coin"))
    package static let baseSepolia = EVMNetwork(84532, "Base Sepolia", v1: "base-sepolia", usdc: .baseSepoliaUSDC)

    /// Every network known by name. A chain that is not here can still be read,
    /// and verified, by its CAIP-2 id.
    package static let all: [EVMNetwork] = [
        base,
        baseSepolia,
        EVMNetwork(1, "Ethereum", v1: "ethereum", usdc: .usdc("0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", "USD Coin")),
        EVMNetwork(11_155_111, "Sepolia", v1: "sepolia", usdc: .usdc("0x1c7D4B196Cb0C7B01d743Fbc6116a902379C7238", "USDC")),
        EVMNetwork(137, "Polygon", v1: "polygon", usdc: .usdc("0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359", "USD Coin")),
        EVMNetwork(80002, "Polygon Amoy", v1: "polygon-amoy", usdc: .usdc("0x41E94Eb019C0762f9Bfcf9Fb1E58725BfB0e7582", "USDC")),
        EVMNetwork(43114, "Avalanche", v1: "avalanche", usdc: .usdc("0xB97EF9Ef8734C71904D8002F8b6Bc66Dd9c48a6E", "USD Coin")),
        EVMNetwork(43113, "Avalanche Fuji", v1: "avalanche-fuji", usdc: .usdc("0x5425890298aed601595a70AB815c96711a31Bc65", "USD Coin")),
        EVMNetwork(42161, "Arbitrum", v1: nil, usdc: .usdc("0xaf88d065e77c8cC2239327C5EDb3A432268e5831", "USD Coin")),
        EVMNetwork(421_614, "Arbitrum Sepolia", v1: nil, usdc: .usdc("0x75faf114eafb1BDbe2F0316DF893fd58CE46AA4d", "USD Coin")),
        EVMNetwork(10, "Optimism", v1: nil, usdc: .usdc("0x0b2C639c533813f4Aa9D7837CAf62653d097Ff85", "USD Coin")),
        EVMNetwork(11_155_420, "Optimism Sepolia", v1: nil, usdc: .usdc("0x5fd84259d66Cd46123540766Be93DFE6D43130D7", "USDC")),
        EVMNetwork(42220, "Celo", v1: "celo", usdc: .usdc("0xcebA9300f2b948710d2653dD7B07f33A8B32118C", "USDC")),
        EVMNetwork(1329, "Sei", v1: "sei", usdc: .usdc("0xe15fC38F6D8c56aF07bbCBe3BAf5708A2Bf42392", "USDC")),
        EVMNetwork(143, "Monad", v1: "monad", usdc: .usdc("0x754704Bc059F8C67012fEd69BC8A327a5aafb603", "USDC")),
        EVMNetwork(50, "XDC", v1: nil, usdc: .usdc("0xfA2958CB79b0491CC627c1557F441eF849Ca8eb1", "USDC")),
        EVMNetwork(2741, "Abstract", v1: "abstract"),
        EVMNetwork(11124, "Abstract Testnet", v1: "abstract-testnet"),
        EVMNetwork(4689, "IoTeX", v1: "iotex"),
        EVMNetwork(1328, "Sei Testnet", v1: "sei-testnet"),
        EVMNetwork(3338, "Peaq", v1: "peaq"),
        EVMNetwork(14, "Flare", v1: "flare"),
        EVMNetwork(4326, "MegaETH", v1: "megaeth"),
        EVMNetwork(10143, "Monad Testnet", v1: "monad-testnet"),
        EVMNetwork(988, "Stable", v1: "stable"),
        EVMNetwork(2201, "Stable Testnet", v1: "stable-testnet"),
    ]

    private static let byCAIP2: [String: EVMNetwork] = Dictionary(uniqueKeysWithValues: all.map { ($0.caip2, $0) })
    private static let byV1Name: [String: EVMNetwork] = Dictionary(
        uniqueKeysWithValues: all.compactMap { (network: EVMNetwork) -> (String, EVMNetwork)? in network.v1Name.map { ($0, network) } })

    /// The network with this CAIP-2 id, or nil where the table has none.
    package static func named(_ caip2: String) -> EVMNetwork? { byCAIP2[caip2] }

    /// `eip155:84532` for `base-sepolia`; nil for a name nobody knows.
    package static func caip2(v1Name: String) -> String? { byV1Name[v1Name]?.caip2 }

    /// `base-sepolia` for `eip155:84532`; nil where version 1 has no name for it.
    package static func v1Name(caip2: String) -> String? { byCAIP2[caip2]?.v1Name }

    /// The chain id in a CAIP-2 id, known here or not. Nil for anything that is
    /// not `eip155:` and a decimal number without leading zeros.
    package static func chainID(caip2: String) -> UInt64? {
        if let known = byCAIP2[caip2] { return known.chainID }
        guard caip2.hasPrefix("eip155:"), let id = UInt64(caip2.dropFirst(7)), caip2 == "eip155:\(id)", id > 0 else { return nil }
        return id
    }
}

/// A token that knows EIP-3009.
package struct EVMToken: Sendable, Hashable {
    /// The contract, EIP-55 checksummed.
    package let address: String
    /// The token's EIP-712 domain. A wrong name makes every signature wrong, and
    /// the same token has different names on different chains.
    package let name: String
    package let version: String
    /// Decimal places of the contract's unit.
    package let decimals: Int
    /// What Till counts it as. Its scale equals `decimals`.
    package let asset: Asset

    /// Also the sandbox's dollar.
    package static let baseSepoliaUSDC = EVMToken.usdc("0x036CbD53842c5426634e7929541eC2318f3dCF7e", "USDC")

    fileprivate static func usdc(_ address: String, _ name: String) -> EVMToken {
        EVMToken(address: address, name: name, version: "2", decimals: 6, asset: .usdc)
    }

    /// What requirements carry so that a client can build the EIP-712 domain.
    package var extra: JSON { .object([JSON.Member("name", .string(name)), JSON.Member("version", .string(version))]) }
}
