import Kernel

/// The first admin page: what there is, and what happened last.
struct OverviewPage {
    /// The account whose balances stand large at the top: what the seller owns.
    static let availableAccount = "seller:available"

    var frame: AdminFrame
    /// Shown in the order given.
    var counts: [Count]
    var balances: [Balance]
    /// The newest ten, newest first.
    var payments: [PaymentsPage.Row]
    /// The newest ten, newest first.
    var sales: [Sale]

    /// A number with its name, such as `Sales today`, 12.
    struct Count {
        let name: String
        let value: String

        init(_ name: String, _ value: Int) {
            self.name = name
            self.value = String(value)
        }
    }

    /// One account's balance, shown with the sign it is given: an account that
    /// holds credits, as the seller's does, is turned positive by the caller.
    struct Balance {
        let account: String
        let amount: ShownAmount

        init(account: String, amount: Amount) {
            self.account = account
            self.amount = ShownAmount(amount)
        }
    }

    /// One sale, leading to the payment that made it.
    struct Sale {
        let id: String
        let path: String
        let title: String
        let amount: ShownAmount
        let time: ShownTime

        init(id: String, paymentID: String, title: String, amount: Amount, time: Timestamp) {
            self.id = id
            path = "/admin/payments/" + paymentID
            self.title = title
            self.amount = ShownAmount(amount)
            self.time = ShownTime(time)
        }
    }
}
