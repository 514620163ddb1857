import Kernel

/// The list of payments, newest first, one page of it.
struct PaymentsPage {
    var frame: AdminFrame
    var payments: [Row]
    /// The states to choose from, in the order shown.
    var statuses: [String]
    /// The state chosen, or nil for all.
    var status: String?
    /// The next page's local path with its cursor, or nil on the last.
    var olderPath: String?

    /// One payment in a table.
    struct Row {
        let path: String
        let title: String
        let status: StatusChip
        /// The buyer's address, shortened in the middle; empty where nobody has signed yet.
        let payer: String
        let network: String
        let amount: ShownAmount
        let time: ShownTime

        init(id: String, title: String, status: String, payer: String?, network: String, amount: Amount, time: Timestamp) {
            path = "/admin/payments/" + id
            self.title = title
            self.status = StatusChip(status)
            self.payer = Self.shortened(payer ?? "")
            self.network = network
            self.amount = ShownAmount(amount)
            self.time = ShownTime(time)
        }

        /// `0x1234…cdef`: enough to tell two buyers apart in a table. Whole texts stay up to 14 characters.
        private static func shortened(_ address: String) -> String {
            address.count <= 14 ? address : "\(address.prefix(6))…\(address.suffix(4))"
        }
    }
}
