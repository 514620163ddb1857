/// Why a payment cannot be used, in x402's own words.
///
/// It is an answer, not a failure: facilitator routes send it with status 200, a
/// payment link with 402.
package struct X402Refusal: Error, Sendable, Equatable {
    package let reason: Reason
    /// A sentence for the person reading the answer. No secrets.
    package let message: String
    /// The payer's address as far as it could be read: EIP-55 checksummed.
    package let payer: String?

    package init(_ reason: Reason, _ message: String, payer: String? = nil) {
        self.reason = reason
        self.message = message
        self.payer = payer
    }

    /// The codes Till sends, spelled as the x402 Python SDK spells them for EVM.
    ///
    /// Codes of a remote facilitator are kept as text and never read into this:
    /// SDKs spell several of them differently.
    package enum Reason: String, Sendable, Hashable, CaseIterable {
        // What cannot even be read.
        case invalidVersion = "invalid_x402_version"
        case invalidPayload = "invalid_payload"
        case invalidRequirements = "invalid_payment_requirements"

        // What a look at the payload settles, in the order it is checked.
        case unsupportedScheme = "unsupported_scheme"
        case networkMismatch = "network_mismatch"
        case unknownNetwork = "invalid_exact_evm_failed_to_get_network_config"
        case missingDomain = "missing_eip712_domain"
        case recipientMismatch = "invalid_exact_evm_payload_recipient_mismatch"
        case valueMismatch = "invalid_exact_evm_payload_authorization_value_mismatch"
        case expired = "invalid_exact_evm_payload_authorization_valid_before"
        case notYetValid = "invalid_exact_evm_payload_authorization_valid_after"
        case invalidSignature = "invalid_exact_evm_payload_signature"
        case unreadableSignature = "invalid_exact_evm_failed_to_verify_signature"
        case undeployedWallet = "invalid_exact_evm_payload_undeployed_smart_wallet"

        // What only the network knows.
        case noSuchToken = "asset_not_deployed_contract"
        case tokenNameMismatch = "invalid_exact_evm_token_name_mismatch"
        case tokenVersionMismatch = "invalid_exact_evm_token_version_mismatch"
        case nonceUsed = "invalid_exact_evm_nonce_already_used"
        case insufficientBalance = "invalid_exact_evm_insufficient_balance"
        case transactionFailed = "transaction_failed"

        // What became of a settlement.
        case settlementPending = "settlement_pending"
        case duplicateSettlement = "duplicate_settlement"
        case verifyError = "unexpected_verify_error"
        case settleError = "unexpected_settle_error"
    }
}
