import Kernel

/// The scheme `exact` on EVM networks, by EIP-3009: the checks that need no chain.
///
/// - SeeAlso: x402, `scheme_exact_evm`; EIP-3009; EIP-2098; ERC-6492.
package enum ExactEVM {
    package static let scheme = "exact"

    /// How long an authorization must still be valid. Fixed by x402. Unit: seconds.
    package static let validitySecondsMin: Int64 = 6

    /// Checks a payment against what was asked for. Moves nothing, asks nobody.
    ///
    /// Reasons are tried in the order of the reference implementation, so that one
    /// payment gets the same answer here as anywhere: version, scheme, network,
    /// payload, domain, recipient, amount, window, signature. A smart wallet's
    /// signature cannot be told without its chain and is refused.
    ///
    /// - Parameter now: Counted in whole seconds; an authorization that ends within
    ///   `validitySecondsMin` has ended.
    package static func verify(
        _ payment: PaymentPayload, against requirements: PaymentRequirements, at now: Timestamp
    ) throws(X402Refusal) -> Authorization {
        let payer = payment.payload["authorization"]?["from"]?.text.flatMap { EVMAddress($0) }?.checksummed
        do throws(X402Refusal) {
            return try check(payment, against: requirements, at: now, payer: payer)
        } catch {
            throw X402Refusal(error.reason, error.message, payer: payer)
        }
    }

    private static func check(
        _ payment: PaymentPayload, against requirements: PaymentRequirements, at now: Timestamp, payer: String?
    ) throws(X402Refusal) -> Authorization {
        guard payment.version == 1 || payment.version == 2 else { throw X402Refusal(.invalidVersion, "x402Version must be 1 or 2.") }
        guard payment.scheme == scheme, requirements.scheme == scheme else {
            throw X402Refusal(.unsupportedScheme, "Only the scheme exact is known here.")
        }
        guard payment.network == requirements.network else {
            throw X402Refusal(.networkMismatch, "The payment is for \(payment.network); \(requirements.network) was asked for.")
        }
        guard let chainID = EVMNetwork.chainID(caip2: requirements.network) else {
            throw X402Refusal(.unknownNetwork, "\(requirements.network) is no EVM network.")
        }
        guard let json = payment.payload["authorization"], let transfer = TransferAuthorization(json: json) else {
            throw X402Refusal(.invalidPayload, "payload.authorization must hold from, to, value, validAfter, validBefore and nonce as texts.")
        }
        let domain = try Self.domain(of: requirements, chainID: chainID)
        try checkTerms(transfer, against: requirements)
        try checkWindow(transfer, at: now)
        let digest = transfer.digest(domain)
        let signature = try checkSignature(payment.payload["signature"]?.text, of: digest, by: transfer.from)
        return authorization(payment, transfer, domain, requirements, payer: payer, fingerprint: fingerprint(digest, signature))
    }

    /// Reads which authorization a payment carries. See `Rail.identify`.
    package static func identify(
        _ payment: PaymentPayload, for requirements: PaymentRequirements
    ) throws(X402Refusal) -> AuthorizationKey {
        let domain = try Self.domain(of: requirements)
        guard let json = payment.payload["authorization"], let transfer = TransferAuthorization(json: json) else {
            throw X402Refusal(.invalidPayload, "payload.authorization must hold from, to, value, validAfter, validBefore and nonce as texts.")
        }
        let bytes = payment.payload["signature"]?.text.flatMap { Hex.decode($0) } ?? []
        // What is no signature was never accepted: it is recognised as nothing.
        let signature = (try? Secp256k1.canonical(bytes)) ?? bytes
        return AuthorizationKey(
            payer: transfer.from.checksummed, nonce: "0x" + Hex.encode(transfer.nonce), fingerprint: fingerprint(transfer.digest(domain), signature))
    }

    private static func fingerprint(_ digest: [UInt8], _ signature: [UInt8]) -> String { Hex.encode(Keccak256.hash(digest + signature)) }

    /// The EIP-712 domain that a signature for `requirements` must be bound to.
    ///
    /// - Throws: `invalid_exact_evm_failed_to_get_network_config`, `missing_eip712_domain`
    ///   or `invalid_payment_requirements`.
    package static func domain(of requirements: PaymentRequirements) throws(X402Refusal) -> EIP712Domain {
        guard let chainID = EVMNetwork.chainID(caip2: requirements.network) else {
            throw X402Refusal(.unknownNetwork, "\(requirements.network) is no EVM network.")
        }
        return try domain(of: requirements, chainID: chainID)
    }

    private static func domain(of requirements: PaymentRequirements, chainID: UInt64) throws(X402Refusal) -> EIP712Domain {
        guard let name = requirements.extra["name"]?.text, let version = requirements.extra["version"]?.text else {
            throw X402Refusal(.missingDomain, "extra must hold name and version of the token's EIP-712 domain.")
        }
        guard let contract = EVMAddress(requirements.asset) else {
            throw X402Refusal(.invalidRequirements, "asset must be a contract's address.")
        }
        return EIP712Domain(name: name, version: version, chainID: chainID, contract: contract)
    }

    private static func checkTerms(_ transfer: TransferAuthorization, against requirements: PaymentRequirements) throws(X402Refusal) {
        guard let payTo = EVMAddress(requirements.payTo) else { throw X402Refusal(.invalidRequirements, "payTo must be an address.") }
        guard transfer.to == payTo else {
            throw X402Refusal(.recipientMismatch, "The authorization pays \(transfer.to.checksummed); \(payTo.checksummed) was asked for.")
        }
        guard let amount = UInt256(decimal: requirements.amount) else {
            throw X402Refusal(.invalidRequirements, "amount must be decimal digits.")
        }
        guard transfer.value == amount else {
            throw X402Refusal(.valueMismatch, "The authorization is for \(transfer.value.decimal); exactly \(amount.decimal) was asked for.")
        }
    }

    private static func checkWindow(_ transfer: TransferAuthorization, at now: Timestamp) throws(X402Refusal) {
        let seconds = max(0, now.seconds)
        guard transfer.validBefore >= UInt256(UInt64(seconds + validitySecondsMin)) else {
            throw X402Refusal(.expired, "The authorization must still be valid for \(validitySecondsMin) seconds.")
        }
        guard transfer.validAfter <= UInt256(UInt64(seconds)) else {
            throw X402Refusal(.notYetValid, "The authorization is not valid yet.")
        }
    }

    /// What a signature ends with when a wallet that does not exist yet made it:
    /// `6492` sixteen times. Source: ERC-6492.
    private static let undeployedMark: [UInt8] = (0..<32).map { (place: Int) -> UInt8 in place.isMultiple(of: 2) ? 0x64 : 0x92 }

    /// - Returns: The signature in its one form; see `Secp256k1.canonical`.
    private static func checkSignature(_ text: String?, of digest: [UInt8], by payer: EVMAddress) throws(X402Refusal) -> [UInt8] {
        guard let text, !text.isEmpty, text != "0x" else { throw X402Refusal(.invalidSignature, "payload.signature is missing.") }
        guard let bytes = Hex.decode(text) else { throw X402Refusal(.unreadableSignature, "payload.signature must be hexadecimal.") }
        // Any other length is a contract's own format, which only its chain can check.
        guard bytes.count == 64 || bytes.count == 65, !bytes.suffix(32).elementsEqual(undeployedMark) else {
            throw X402Refusal(.undeployedWallet, "Signatures of smart wallets are not accepted here.")
        }
        do throws(Secp256k1.Fault) {
            let signature = try Secp256k1.canonical(bytes)
            let signer = try Secp256k1.recover(digest, signature)
            if signer == payer { return signature }
        } catch {
            throw refusal(error)
        }
        throw X402Refusal(.invalidSignature, "The signature is not the payer's, or is for other terms.")
    }

    private static func refusal(_ fault: Secp256k1.Fault) -> X402Refusal {
        switch fault {
        case .malformed: X402Refusal(.unreadableSignature, "The signature's last byte must be 0, 1, 27 or 28.")
        case .highS: X402Refusal(.invalidSignature, "The signature's s is in the upper half of the order (EIP-2).")
        case .invalid, .unusableKey: X402Refusal(.invalidSignature, "The signature's r or s is not possible.")
        }
    }

    private static func authorization(
        _ payment: PaymentPayload, _ transfer: TransferAuthorization, _ domain: EIP712Domain, _ requirements: PaymentRequirements,
        payer: String?, fingerprint: String
    ) -> Authorization {
        Authorization(
            version: payment.version, network: requirements.network, asset: domain.contract.checksummed,
            payer: payer ?? transfer.from.checksummed, payTo: transfer.to.checksummed, atomicAmount: transfer.value.decimal,
            nonce: "0x" + Hex.encode(transfer.nonce), validAfter: moment(transfer.validAfter), validBefore: moment(transfer.validBefore),
            fingerprint: fingerprint, payload: payment.payload)
    }

    /// 9999-12-31T23:59:59Z, the last second that can be written down. Some wallets
    /// sign a `validBefore` of 2²⁵⁶ − 1; the payload keeps what was signed.
    private static let lastSecond: Int64 = 253_402_300_799

    private static func moment(_ seconds: UInt256) -> Timestamp {
        Timestamp(milliseconds: min(seconds.int64 ?? lastSecond, lastSecond) * 1_000)
    }
}
