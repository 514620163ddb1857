/// The seller's payment links, newest first, and the form for a new one.
struct LinksPage {
    var frame: AdminFrame
    var links: [Row]
    /// The currencies a price may have, in the order shown.
    var currencies: [String]
    var form: Form
    /// Why the form was refused; nil where it was not.
    var error: String?
    /// The absolute URL of the link just made.
    var created: String?
    /// The next page's local path with its cursor, or nil on the last.
    var olderPath: String?

    /// One link in the table.
    struct Row {
        let title: String
        /// The link's own absolute URL.
        let url: String
        /// `0.05 USD`, or what is said for an open amount.
        let price: String
        /// `3`, or `3 of 10` where there is a limit.
        let uses: String
        let state: StatusChip
        let qrPath: String
        let canDeactivate: Bool
        let deactivatePath: String

        /// - Parameter price: Nil for an open amount.
        /// - Parameter state: `active`, `expired`, `deactivated`, `sold_out`…; only an active link can be deactivated.
        init(id: String, title: String, url: String, price: String?, uses: Int64, usesMax: Int64?, state: String, qrPath: String) {
            self.title = title
            self.url = url
            self.price = price ?? "open"
            self.uses = usesMax.map { "\(uses) of \($0)" } ?? "\(uses)"
            self.state = StatusChip(state)
            self.qrPath = qrPath
            canDeactivate = state == "active"
            deactivatePath = "/admin/links/" + id + "/deactivate"
        }
    }

    /// What the form holds: what was typed before an error, or nothing.
    ///
    /// Posted to `/admin/links` as `title`, `description`, `amount` (empty: open),
    /// `currency`, `reusable` (`true` or absent), `max_uses`, `content` and `csrf`.
    struct Form {
        var title: String = ""
        var description: String = ""
        var amount: String = ""
        var currency: String = "USD"
        var reusable: Bool = true
        var maxUses: String = ""
        var content: String = ""
    }
}
