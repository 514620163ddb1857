import Access
import GRDB
import Kernel
import Payments
import Storage

/// A sale on the wire.
enum SaleDocument {
    static let schema = Schema.object([
        ("id", Schema.id("sale")), ("livemode", Schema.flag), ("payment_id", Schema.id("pay")), ("link_id", Schema.id("plink")),
        ("product_id", Schema.nullable(Schema.id("prod"))), ("title", Schema.text), ("quantity", Schema.integer), ("amount", Schema.amount),
        ("fee", Schema.amount), ("net", Schema.amount), ("network", Schema.text), ("transaction", Schema.text), ("payer", Schema.text),
        ("created_at", Schema.time),
    ])

    static func json(_ sale: Sale) -> JSON {
        [
            "id": .string(sale.id), "livemode": .bool(sale.livemode), "payment_id": .string(sale.paymentID), "link_id": .string(sale.linkID),
            "product_id": .text(sale.productID), "title": .string(sale.title), "quantity": .integer(sale.quantity), "amount": sale.gross.json,
            "fee": sale.fee.json, "net": sale.net.json, "network": .string(sale.network), "transaction": .string(sale.hash),
            "payer": .string(sale.payer), "created_at": .time(sale.createdAt),
        ]
    }
}

extension Counter {
    func listSales(_ call: Call) async throws -> Reply {
        try call.query.allow(["limit", "cursor"])
        let (asker, page) = (call.asker, try call.query.page(of: .sale))
        let sales = try await store.read { db in try Sale.list(sellerID: asker.sellerID, livemode: asker.livemode, page: page, in: db) }
        return .page(sales, SaleDocument.json)
    }
}
