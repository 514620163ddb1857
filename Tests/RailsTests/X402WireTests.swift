import Kernel
import Rails
import Testing

@Suite struct X402WireTests {
    static let resource = ResourceInfo(url: "https://shop.example/pay/x", description: "A thing", mimeType: "application/json")
    static let required = PaymentRequired(error: "Payment required", resource: resource, accepts: [Buyer.requirements])

    static func text(_ json: JSON?, _ path: String...) -> String? {
        var value: JSON? = json
        for key in path { value = value?[key] }
        return value?.text
    }

    @Test("terms in version 2 come back from their header")
    func requiredV2() throws {
        #expect(try PaymentRequired(header: Self.required.header) == Self.required)
        let json = Self.required.json
        #expect(json["x402Version"]?.integer == 2)
        #expect(Self.text(json["accepts"]?.items?.first, "network") == "eip155:84532")
        #expect(Self.text(json["accepts"]?.items?.first, "amount") == "10000")
        #expect(Self.text(json, "resource", "url") == "https://shop.example/pay/x")
    }

    @Test("terms in version 1 have its names, and come back")
    func requiredV1() throws {
        let json = Self.required.v1JSON
        #expect(try PaymentRequired(json: json) == Self.required)
        let offer = json["accepts"]?.items?.first
        #expect(Self.text(offer, "network") == "base-sepolia")
        #expect(Self.text(offer, "maxAmountRequired") == "10000")
        #expect(Self.text(offer, "resource") == "https://shop.example/pay/x")
        #expect(Self.text(offer, "extra", "name") == "USDC")
    }

    @Test("a network without a version 1 name is not offered there")
    func requiredWithoutName() {
        let other = PaymentRequirements(network: "eip155:10", amount: "1", asset: "0x", payTo: "0x", maxTimeoutSeconds: 1)
        let both = PaymentRequired(error: "", resource: Self.resource, accepts: [other, Buyer.requirements])
        #expect(both.json["accepts"]?.items?.count == 2)
        #expect(both.v1JSON["accepts"]?.items?.count == 1)
    }

    @Test("payments come back from their header in either version", arguments: [1, 2])
    func payment(_ version: Int) throws {
        var draft = Draft()
        draft.version = version
        let payment = draft.payment
        #expect(try PaymentPayload(header: payment.header) == payment)
        let network = version == 1 ? Self.text(payment.json, "network") : Self.text(payment.json, "accepted", "network")
        #expect(network == (version == 1 ? "base-sepolia" : "eip155:84532"))
    }

    @Test("headers are read unpadded, url-safe, with unknown fields and explicit nulls")
    func lenient() throws {
        let good = Draft().payment
        var members: [JSON.Member] = good.json.members ?? []
        members.append(JSON.Member("surprise", ["x": 1]))
        members.append(JSON.Member("resource", .null))
        members.append(JSON.Member("extensions", .null))
        let padded = X402Header.encode(.object(members))
        let unpadded = String(padded.prefix { $0 != "=" })
        let urlSafe = String(unpadded.map { (digit: Character) -> Character in digit == "+" ? "-" : digit == "/" ? "_" : digit })
        for header in [padded, unpadded, urlSafe] { #expect(try PaymentPayload(header: header) == good) }
    }

    @Test("a missing version is 2 where something was accepted")
    func missingVersion() throws {
        let good = Draft().payment
        let members: [JSON.Member] = (good.json.members ?? []).filter { $0.key != "x402Version" }
        #expect(try PaymentPayload(json: .object(members)) == good)
        #expect(reason(.object(members.filter { $0.key != "accepted" })) == .invalidVersion)
    }

    struct Broken: Sendable, CustomTestStringConvertible {
        let body: String
        let reason: X402Refusal.Reason
        var testDescription: String { body }
    }

    static let broken: [Broken] = [
        Broken(body: "[]", reason: .invalidPayload),
        Broken(body: "{}", reason: .invalidVersion),
        Broken(body: #"{"x402Version":3,"accepted":{},"payload":{}}"#, reason: .invalidVersion),
        Broken(body: #"{"x402Version":"2","accepted":{},"payload":{}}"#, reason: .invalidVersion),
        Broken(body: #"{"x402Version":2,"payload":{}}"#, reason: .invalidPayload),
        Broken(body: #"{"x402Version":2,"accepted":{},"payload":{}}"#, reason: .invalidPayload),
        Broken(body: #"{"x402Version":2,"accepted":{"scheme":"exact"}}"#, reason: .invalidPayload),
        Broken(body: #"{"x402Version":1,"scheme":"exact","payload":{}}"#, reason: .invalidPayload),
        Broken(body: #"{"x402Version":1,"scheme":"exact","network":"base"}"#, reason: .invalidPayload),
    ]

    @Test("what is no payment is refused", arguments: broken)
    func refused(_ broken: Broken) throws {
        let json = try JSON.read(broken.body)
        #expect(reason(json) == broken.reason)
    }

    @Test("a header that is no base64 of JSON is refused", arguments: ["", "!", "bm90IGpzb24=", "eyJhIjoxfQ=== "])
    func refusedHeader(_ header: String) {
        #expect(throws: X402Refusal.self) { _ = try PaymentPayload(header: header) }
    }

    private func reason(_ json: JSON) -> X402Refusal.Reason? {
        do throws(X402Refusal) {
            _ = try PaymentPayload(json: json)
            return nil
        } catch {
            return error.reason
        }
    }

    @Test("an offer is taken only with equal terms; extra may grow and not shrink")
    func matching() {
        let offer = Buyer.requirements
        #expect(Draft().payment.matches(offer))
        let grown: JSON = ["version": "2", "more": ["deep": 1], "name": "USDC"]
        #expect(accepting(ExactEVMTests.changed(extra: grown)).matches(offer))
        #expect(!accepting(ExactEVMTests.changed(extra: ["name": "USDC"])).matches(offer))
        #expect(!accepting(ExactEVMTests.changed(extra: ["name": "USDC", "version": "3"])).matches(offer))
        #expect(!accepting(ExactEVMTests.changed(amount: "9999")).matches(offer))
        #expect(!accepting(ExactEVMTests.changed(asset: Buyer.payTo)).matches(offer))
        #expect(!accepting(ExactEVMTests.changed(payTo: EVMToken.baseSepoliaUSDC.address)).matches(offer))
        #expect(!accepting(ExactEVMTests.changed(network: "eip155:8453")).matches(offer))
        #expect(!accepting(ExactEVMTests.changed(scheme: "upto")).matches(offer))
        // Where nothing extra is asked, a missing extra and an empty one are equal.
        #expect(accepting(ExactEVMTests.changed(extra: .object([]))).matches(ExactEVMTests.changed(extra: .object([]))))
    }

    private func accepting(_ accepted: PaymentRequirements) -> PaymentPayload {
        PaymentPayload(version: 2, scheme: accepted.scheme, network: accepted.network, accepted: accepted, payload: .object([]))
    }

    @Test("a facilitator's body is read in both versions", arguments: [1, 2])
    func facilitator(_ version: Int) throws {
        var draft = Draft()
        draft.version = version
        let asked: JSON? =
            version == 1 ? Buyer.requirements.v1JSON(resource: "https://x", description: "", mimeType: "") : Buyer.requirements.json
        let requirements = try #require(asked)
        let members: [JSON.Member] = [
            JSON.Member("x402Version", .integer(version)), JSON.Member("paymentPayload", draft.payment.json),
            JSON.Member("paymentRequirements", requirements),
        ]
        let request = try FacilitatorRequest(json: .object(members))
        #expect(request.payment == draft.payment && request.requirements == Buyer.requirements)
        // The outer version counts where the payload has none.
        let bare: [JSON.Member] = (draft.payment.json.members ?? []).filter { $0.key != "x402Version" }
        let outer: [JSON.Member] = [members[0], JSON.Member("paymentPayload", .object(bare)), members[2]]
        #expect(try FacilitatorRequest(json: .object(outer)) == request)
    }

    @Test("a facilitator's body without requirements is refused")
    func facilitatorWithoutRequirements() {
        let body: JSON = .object([JSON.Member("paymentPayload", Draft().payment.json)])
        do throws(X402Refusal) {
            _ = try FacilitatorRequest(json: body)
            Issue.record("the body was taken")
        } catch {
            #expect(error.reason == .invalidRequirements)
        }
    }

    @Test("answers leave out what they do not have, and name the network as the version does")
    func answers() throws {
        let draft = Draft()
        let authorization = try ExactEVM.verify(draft.payment, against: draft.requirements, at: ExactEVMTests.now)
        let payer = #""payer":"0x2c7536E3605D9C16a7a3D7b1898e529396a65c23""#
        #expect(VerifyResponse(authorization).json.compact == #"{"isValid":true,"# + payer + "}")
        let refusal = X402Refusal(.expired, "Too late.")
        let refused = #"{"isValid":false,"invalidReason":"invalid_exact_evm_payload_authorization_valid_before","invalidMessage":"Too late."}"#
        #expect(VerifyResponse(refusal).json.compact == refused)
        let settled = SettleResponse.settled(authorization, transaction: "0xabc")
        let second = #"{"success":true,"# + payer + #","transaction":"0xabc","network":"eip155:84532","amount":"10000"}"#
        #expect(settled.json(version: 2).compact == second)
        let first = #"{"success":true,"# + payer + #","transaction":"0xabc","network":"base-sepolia"}"#
        #expect(settled.json(version: 1).compact == first)
        let failed = SettleResponse.refused(refusal, network: "eip155:84532").json(version: 2)
        #expect(failed["errorReason"]?.text == "invalid_exact_evm_payload_authorization_valid_before")
        #expect(failed["transaction"]?.text == "" && failed["network"]?.text == "eip155:84532")
        #expect((failed.members ?? []).allSatisfy({ $0.key != "payer" }))
        #expect(try SettleResponse(header: settled.header(version: 2)) == settled)
        #expect(try SettleResponse(header: settled.header(version: 1)).network == "eip155:84532")
        let pending = SettleResponse.pending(authorization, transaction: "0xabc")
        #expect(pending.errorReason == "settlement_pending" && pending.transaction == "0xabc" && !pending.success)
    }
}
