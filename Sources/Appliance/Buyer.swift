import Kernel
import Rails

/// An x402 buyer over HTTP: asks for the terms, signs them, and asks again with the payment.
struct Buyer: Sendable {
    let network: any Network
    let world: World
    let key: EVMKey

    /// Why a link could not be paid, for the person who asked.
    struct Refused: Error, CustomStringConvertible {
        let description: String
    }

    /// Pays `url` once.
    ///
    /// - Returns: What the shop answered, with the settlement it reported.
    /// - Throws: `Refused`; `NetworkFailure` where nothing, or no answer, came: the
    ///   payment may have been made then, and nothing is sent again.
    func pay(_ url: String) async throws -> JSON {
        let asked = try await network.send(Request(method: "GET", url: url, headers: [(name: "accept", value: "application/json")]))
        guard asked.status == 402, let header = asked.header(X402Header.required) else { throw refusal(asked) }
        let terms = try PaymentRequired(header: header)
        guard let offer = terms.accepts.first(where: { $0.scheme == ExactEVM.scheme && EVMNetwork.chainID(caip2: $0.network) != nil }) else {
            throw Refused(description: "The link takes no payment that this buyer can sign.")
        }
        let payment = try ExactEVM.pay(
            offer, version: 2, key: key, nonce: world.chance.bytes(32), at: world.time.now(), resource: terms.resource.json)
        let paid = try await network.send(
            Request(
                method: "GET", url: url,
                headers: [(name: "accept", value: "application/json"), (name: X402Header.signature, value: payment.header)]))
        guard paid.status == 200 || paid.status == 202 else { throw refusal(paid) }
        var members = try JSON.read(paid.body).members ?? []
        if let header = paid.header(X402Header.response) {
            members.append(JSON.Member("settlement", try SettleResponse(header: header).json(version: 2)))
        }
        return .object(members)
    }

    private func refusal(_ answer: Answer) -> Refused {
        let body = try? JSON.read(answer.body)  // Whatever answered may not speak JSON; then its status has to do.
        let terms = answer.header(X402Header.required).flatMap { try? PaymentRequired(header: $0) }
        let reason = body?["detail"]?.text ?? terms?.error ?? body?["error"]?.text ?? "no reason given"
        return Refused(description: "The shop answered \(answer.status): \(reason)")
    }
}
