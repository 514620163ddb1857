import GRDB
import Goods
import Kernel
import Ledger
import Storage
import Webhooks

extension PaymentsSchema {
    /// What `till doctor`, drills and the simulator ask of links, payments, settlements and sales.
    package static let questions = [
        AuditQuestion(
            "every completed payment has its sale",
            sql: """
                SELECT 'payment ' || p.id || ' is ' || p.status || ' without a sale' FROM payments p
                WHERE p.status IN ('completed', 'partially_refunded', 'refunded') AND NOT EXISTS (SELECT 1 FROM sales s WHERE s.payment_id = p.id)
                """),
        AuditQuestion(
            "every sale has a completed payment",
            sql: """
                SELECT 'sale ' || s.id || ' has a payment that is ' || p.status FROM sales s JOIN payments p ON p.id = s.payment_id
                WHERE p.status NOT IN ('completed', 'partially_refunded', 'refunded')
                """),
        AuditQuestion(
            "every settlement agrees with its payment",
            sql: """
                SELECT 'settlement ' || t.id || ' is ' || t.state || ', its payment ' || p.status
                FROM settlements t JOIN payments p ON p.id = t.payment_id
                WHERE NOT CASE t.state
                  WHEN 'confirmed' THEN p.status IN ('completed', 'partially_refunded', 'refunded')
                  WHEN 'failed' THEN p.status = 'failed'
                  WHEN 'unknown' THEN p.status = 'unknown'
                  ELSE p.status IN ('settling', 'unknown') END
                """),
        AuditQuestion(
            "every payment under way has a settlement",
            sql: """
                SELECT 'payment ' || p.id || ' is ' || p.status || ' without a settlement' FROM payments p
                WHERE p.status <> 'completed' AND p.status IN ('settling', 'unknown')
                  AND NOT EXISTS (SELECT 1 FROM settlements t WHERE t.payment_id = p.id)
                """),
        AuditQuestion(
            "every use a link holds belongs to a payment under way",
            sql: """
                SELECT 'link ' || l.id || ' holds ' || l.held || ' uses, ' || count(p.id) || ' payments are under way'
                FROM payment_links l LEFT JOIN payments p ON p.link_id = l.id AND p.status IN ('pending', 'verified', 'settling', 'unknown')
                GROUP BY l.id HAVING l.held <> count(p.id)
                """),
        AuditQuestion(
            "every use of a link is a sale",
            sql: """
                SELECT 'link ' || l.id || ' counts ' || l.uses || ' uses and has ' || count(s.id) || ' sales'
                FROM payment_links l LEFT JOIN sales s ON s.link_id = l.id GROUP BY l.id HAVING l.uses <> count(s.id)
                """),
        AuditQuestion("every unit off the shelf belongs to a payment") { db in
            var held: [String: Int64] = [:]
            for row in try Row.fetchAll(
                db, sql: "SELECT product_id, sum(quantity) FROM payments WHERE status <> 'completed' AND status IN ('pending', 'verified', 'settling', 'unknown') AND product_id IS NOT NULL GROUP BY product_id")
            { held[row[0]] = row[1] }
            var sold: [String: Int64] = [:]
            for row in try Row.fetchAll(db, sql: "SELECT product_id, sum(quantity) FROM sales WHERE product_id IS NOT NULL GROUP BY product_id") {
                sold[row[0]] = row[1]
            }
            return try Product.counters(in: db).compactMap { product in
                let (reserved, gone) = (held[product.id] ?? 0, sold[product.id] ?? 0)
                if product.reserved == reserved, product.sold == gone { return nil }
                return "product \(product.id) says \(product.reserved) held and \(product.sold) sold; payments say \(reserved) and \(gone)"
            }
        },
        AuditQuestion("every sale has its ledger entry, its events and its audit row") { db in
            var faults: [String] = []
            let rows = try Row.fetchCursor(db, sql: "SELECT " + Sale.columns + " FROM sales ORDER BY id")
            while let row = try rows.next(), faults.count < 100 {
                guard let sale = Sale(row: row) else {
                    faults.append("sale \(row[0] as String) cannot be read")
                    continue
                }
                faults += try sale.faults(in: db)
            }
            return faults
        },
    ]
}

extension Sale {
    fileprivate func faults(in db: Database) throws -> [String] {
        var faults: [String] = []
        let posted = try Journal.postings(of: .sale, reference: id, in: db)
        var expected = ["rail:" + network: gross.units]
        if net.units > 0 { expected[AccountName.sellerAvailable.text] = -net.units }
        if fee.units > 0 { expected[AccountName.feesPlatform.text] = -fee.units }
        if posted != expected { faults.append("sale \(id) has the postings \(posted), not \(expected)") }
        if try Event.count(.saleCreated, about: id, in: db) != 1 { faults.append("sale \(id) has not one sale.created event") }
        if try Event.count(.paymentCompleted, about: paymentID, in: db) != 1 { faults.append("payment \(paymentID) has not one payment.completed event") }
        if try AuditLog.digest(of: "sale.created", on: id, in: db) != AuditLog.digest(moneyColumns) {
            faults.append("sale \(id) is not what the audit log was told")
        }
        return faults
    }
}
