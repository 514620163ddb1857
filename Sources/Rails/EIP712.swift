import Kernel
import Synchronization

/// Typed data signing, as far as tokens need it.
///
/// - SeeAlso: EIP-712, "Definition of hashStruct" and "Definition of domainSeparator".
package enum EIP712 {
    /// `keccak256(0x19 0x01 ‖ domain separator ‖ struct hash)`: what a wallet signs.
    package static func digest(_ domain: EIP712Domain, structHash: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = [0x19, 0x01]
        bytes.reserveCapacity(66)
        bytes += separator(domain)
        bytes += structHash
        return Keccak256.hash(bytes)
    }

    /// How many separators are kept. Names and versions can come from outside, so
    /// the table is emptied when it is full: a stranger can cost us four hashes
    /// more per payment, and no memory.
    private static let separatorsMax = 64

    private static let separators = Mutex<[EIP712Domain: [UInt8]]>([:])

    private static func separator(_ domain: EIP712Domain) -> [UInt8] {
        if let known = separators.withLock({ $0[domain] }) { return known }
        let made = domain.separator
        separators.withLock { table in
            if table.count >= separatorsMax { table.removeAll(keepingCapacity: true) }
            table[domain] = made
        }
        return made
    }

    /// An address as the ABI encodes it: 12 zero bytes, then the 20 of the address.
    package static func append(_ address: EVMAddress, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: repeatElement(0, count: 12))
        bytes.append(contentsOf: address.bytes)
    }
}

/// What a signature is bound to: one contract on one chain, by its own name.
package struct EIP712Domain: Sendable, Hashable {
    package let name: String
    package let version: String
    package let chainID: UInt64
    package let contract: EVMAddress

    package init(name: String, version: String, chainID: UInt64, contract: EVMAddress) {
        self.name = name
        self.version = version
        self.chainID = chainID
        self.contract = contract
    }

    package static let typeHash: [UInt8] = Keccak256.hash(
        Array("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)".utf8))

    /// The domain's hash, computed afresh. `EIP712.digest` keeps those it has seen.
    package var separator: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(160)
        bytes += Self.typeHash
        bytes += Keccak256.hash(Array(name.utf8))
        bytes += Keccak256.hash(Array(version.utf8))
        bytes += UInt256(chainID).bytes
        EIP712.append(contract, to: &bytes)
        return Keccak256.hash(bytes)
    }
}
