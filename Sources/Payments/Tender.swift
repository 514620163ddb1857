import Access
import GRDB
import Kernel
import Rails
import Storage

/// One asset on one network that Till takes money in.
package struct Tender: Sendable, Equatable {
    /// CAIP-2 id.
    package let network: String
    package let asset: Asset
    /// The asset's contract, as requirements name it.
    package let contract: String
    /// What a client must know to sign: for EIP-3009, `name` and `version`.
    package let extra: JSON
    /// Whether its money is real.
    package let livemode: Bool

    package init(network: String, asset: Asset, contract: String, extra: JSON, livemode: Bool) {
        self.network = network
        self.asset = asset
        self.contract = contract
        self.extra = extra
        self.livemode = livemode
    }
}

/// A link as one buyer meets it: what they would get, and every way to pay for it.
package struct Offer: Sendable {
    package let link: PaymentLink
    package let price: Amount
    /// What may be signed, in the order preferred. Made by the server, matched by the server.
    package let requirements: [PaymentRequirements]
}

extension Offer {
    /// Makes the offer of a link.
    ///
    /// - Parameter chosen: The amount a buyer chose for an open link; its least where they did not.
    /// - Throws: `Problem` with `invalid_amount` where the choice is out of bounds,
    ///   `not_payable` where the seller takes nothing the price can be paid in.
    static func make(of link: PaymentLink, chosen: String?, tenders: [Tender], validSeconds: Int, in db: Database) throws -> Offer {
        let price = try price(of: link, chosen: chosen)
        var requirements: [PaymentRequirements] = []
        for tender in tenders where tender.livemode == link.livemode {
            guard let amount = price.atPar(in: tender.asset) else { continue }
            let address = try Seller.receivingAddress(of: link.sellerID, livemode: link.livemode, network: tender.network, in: db)
            guard let address else { continue }
            requirements.append(
                PaymentRequirements(
                    scheme: "exact", network: tender.network, amount: String(amount.units), asset: tender.contract, payTo: address,
                    maxTimeoutSeconds: validSeconds, extra: tender.extra))
        }
        guard !requirements.isEmpty else {
            throw Problem(.notPayable, "The seller takes no asset that \(price.decimal) \(price.asset.code) can be paid in.")
        }
        return Offer(link: link, price: price, requirements: requirements)
    }

    private static func price(of link: PaymentLink, chosen: String?) throws -> Amount {
        switch link.price {
        case .fixed(let amount): return amount
        case .open(let min, let max):
            guard let chosen else { return min }
            let amount = try Amount(decimal: chosen, min.asset, param: "amount")
            guard (min.units...max.units).contains(amount.units) else {
                throw Problem(.invalidAmount, "amount must be from \(min.decimal) to \(max.decimal) \(min.asset.code).", param: "amount")
            }
            return amount
        }
    }
}

extension Problem.Code {
    package static let notPayable = Self("not_payable", .conflict, "The link cannot be paid")
}
