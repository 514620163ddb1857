import Kernel

extension ExactEVM {
    /// Signs a payment for `requirements`, as a buyer's client does.
    ///
    /// The window opens ten minutes ago, as version 1 clients have it, so that a
    /// buyer whose clock is ahead can pay; it closes after `maxTimeoutSeconds`.
    ///
    /// - Parameters:
    ///   - version: 1 or 2.
    ///   - nonce: 32 random bytes. The same ones again can never move money twice.
    /// - Throws: `X402Refusal` where the requirements cannot be signed.
    package static func pay(
        _ requirements: PaymentRequirements, version: Int, key: EVMKey, nonce: [UInt8], at now: Timestamp, resource: JSON? = Optional<JSON>.none
    ) throws(X402Refusal) -> PaymentPayload {
        let domain = try Self.domain(of: requirements)
        guard let payTo = EVMAddress(requirements.payTo), let value = UInt256(decimal: requirements.amount) else {
            throw X402Refusal(.invalidRequirements, "payTo must be an address and amount decimal digits.")
        }
        let seconds = max(600, now.seconds)
        let transfer = TransferAuthorization(
            from: key.address, to: payTo, value: value, validAfter: UInt256(UInt64(seconds - 600)),
            validBefore: UInt256(UInt64(seconds) + UInt64(max(0, requirements.maxTimeoutSeconds))), nonce: nonce)
        return PaymentPayload(
            version: version, scheme: scheme, network: requirements.network, accepted: version == 1 ? nil : requirements,
            payload: transfer.signed(with: key, for: domain), resource: version == 1 ? Optional<JSON>.none : resource)
    }
}
