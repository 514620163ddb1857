import Access
import Kernel
import Payments
import Rails

/// The facilitator's bodies, for the OpenAPI document. Unknown fields are tolerated.
enum FacilitatorDocument {
    static let request = Schema.object(
        [("x402Version", Schema.integer), ("paymentPayload", Schema.anyObject), ("paymentRequirements", Schema.anyObject)],
        optional: ["x402Version"])
    static let verdict = Schema.object(
        [("isValid", Schema.flag), ("invalidReason", Schema.text), ("invalidMessage", Schema.text), ("payer", Schema.text)],
        optional: ["invalidReason", "invalidMessage", "payer"])
    static let settlement = Schema.object(
        [
            ("success", Schema.flag), ("errorReason", Schema.text), ("errorMessage", Schema.text), ("payer", Schema.text), ("transaction", Schema.text),
            ("network", Schema.text), ("amount", Schema.text),
        ], optional: ["errorReason", "errorMessage", "payer", "amount"])
    static let supported = Schema.object([
        ("kinds", Schema.list(of: Schema.anyObject)), ("extensions", Schema.list(of: Schema.text)), ("signers", Schema.anyObject),
    ])
}

extension Counter {
    /// A refusal is an answer (200): the SDKs raise on anything else.
    func verify(_ call: Call) async throws -> Reply {
        let json = try facilitatorBody(call)
        do {
            return .json(try await cashier.verify(try FacilitatorRequest(json: json)).json)
        } catch let refusal as X402Refusal {
            return .json(VerifyResponse(refusal).json)
        } catch is NetworkFailure {
            return .json(VerifyResponse(X402Refusal(.verifyError, "The network cannot be asked now.")).json)
        }
    }

    /// A body that is no request at all is a problem (400); one that asks for the wrong thing gets a verdict.
    private func facilitatorBody(_ call: Call) throws -> JSON {
        let json = try JSON.read(call.body)
        let fields = try Fields(json)
        for name in ["paymentPayload", "paymentRequirements"] where !fields.has(name) { throw fields.missing(name) }
        return json
    }

    func settle(_ call: Call) async throws -> Reply {
        let json = try facilitatorBody(call)
        let request: FacilitatorRequest
        do throws(X402Refusal) {
            request = try FacilitatorRequest(json: json)
        } catch {
            let network = json["paymentRequirements"]?["network"]?.text ?? ""
            return .json(SettleResponse.refused(error, network: network).json(version: 2))
        }
        do {
            let seller = call.principal?.sellerID ?? options.sellerID
            let response = try await cashier.settle(request, sellerID: seller, livemode: call.principal?.livemode ?? false)
            return .json(response.json(version: request.payment.version))
        } catch is NetworkFailure {
            throw Problem(.networkUnavailable, "The payment network cannot be asked now. Nothing was sent; try again.")
        }
    }

    func supported(_ call: Call) async throws -> Reply { .json(cashier.supported) }
}
