import Kernel

/// One payment: what is known of it, what happened in order, what was posted.
struct PaymentPage {
    var frame: AdminFrame
    var id: String
    var title: String
    var amount: ShownAmount
    var status: StatusChip
    /// Something the seller should know, such as why it failed; nil for nothing.
    var warning: String?
    /// Shown in the order given, below the id.
    var facts: [Fact]
    /// Oldest first.
    var timeline: [Step]
    /// In the order of their entries.
    var postings: [Posting]

    /// One named detail; exactly one of its three values is set.
    struct Fact {
        let term: String
        let text: String?
        /// An id, an address or a hash: set in a fixed-width font.
        let code: String?
        let time: ShownTime?

        static func text(_ term: String, _ value: String) -> Fact { Fact(term: term, text: value, code: nil, time: nil) }
        static func code(_ term: String, _ value: String) -> Fact { Fact(term: term, text: nil, code: value, time: nil) }
        static func time(_ term: String, _ value: Timestamp) -> Fact { Fact(term: term, text: nil, code: nil, time: ShownTime(value)) }
    }

    /// One thing that happened.
    struct Step {
        let what: String
        let detail: String?
        let time: ShownTime

        init(_ what: String, detail: String? = nil, time: Timestamp) {
            self.what = what
            self.detail = detail
            self.time = ShownTime(time)
        }
    }

    /// One leg of a ledger entry, its amount in the debit or the credit column.
    struct Posting {
        let entry: String
        let account: String
        let debit: String
        let credit: String
        let asset: String

        /// - Parameter entry: What the entry records, such as `sale`.
        /// - Parameter amount: As the ledger holds it: positive is debit.
        init(entry: String, account: String, amount: Amount) {
            self.entry = entry
            self.account = account
            debit = amount.units > 0 ? amount.decimal : ""
            credit = amount.units < 0 ? String(amount.decimal.dropFirst()) : ""
            asset = amount.asset.code
        }
    }
}
