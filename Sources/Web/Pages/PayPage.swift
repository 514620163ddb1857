/// What the page of one link shows to a buyer.
///
/// Every text may come from the seller or the buyer; the templates escape all of
/// it. `receipt` decides which of its two faces the page has.
struct PayPage {
    var sellerName: String
    var title: String
    var description: String?
    /// `0.05 USD`, or nil where the buyer chooses: then `amount` says the range.
    var price: String?
    var amount: AmountInput?
    /// For people, such as `Sandbox (Base Sepolia identity)`.
    var networkName: String
    var assetCode: String
    /// The address the money goes to.
    var payTo: String
    /// The link's own absolute URL.
    var payURL: String
    /// A local path to the code's image: `/api/qr?token=…&size=240&format=svg`.
    var qrPath: String
    /// Shows a strip that no real money moves.
    var isTest: Bool
    /// A payment's state, or an empty text while there is no payment.
    var status: String = ""
    var statusText: String = "Waiting for payment"
    /// A local path `pay.js` asks while a payment is under way, or nil. The answer
    /// is `{"status","text","done"}`; with `done` it may carry `goods`, `sale_id`,
    /// `transaction` and `receipt` (a local path), all text.
    var statusPath: String?
    /// Where the test wallet's form is posted, or nil for no button. Asked with
    /// `Accept: application/json` it answers as `statusPath` does, plus
    /// `status_path` while the payment is not done; refusals are problems.
    var testWalletAction: String?
    /// Every way the link takes. Listed when there is more than one.
    var accepts: [Way] = []
    /// A command line for developers, such as one of curl; nil for none.
    var developerHint: String?
    /// What the buyer got. Nil while the link is on offer.
    var receipt: Receipt?

    /// The range of an open amount. Decimal texts in `currency`.
    struct AmountInput {
        var currency: String
        var min: String
        var max: String
        /// The smallest step, such as `0.01`.
        var step: String = "0.01"
        /// What the field starts with.
        var value: String = ""
    }

    /// One network and asset the link takes, and how much of it.
    struct Way {
        var network: String
        var asset: String
        var amount: String
    }

    /// What a buyer keeps of a sale.
    struct Receipt {
        /// What was bought, shown as plain text. Nil where nothing is delivered here.
        let goods: String?
        /// `0.05 USDC`.
        let paid: String
        let time: ShownTime
        let saleID: String
        /// The transaction's hash on the network.
        let transaction: String?
        /// The seller's page to go on to. Only `http` and `https` are kept: a
        /// link of another scheme could run a script.
        let successURL: String?

        init(goods: String?, paid: String, time: ShownTime, saleID: String, transaction: String?, successURL: String? = nil) {
            self.goods = goods
            self.paid = paid
            self.time = time
            self.saleID = saleID
            self.transaction = transaction
            let isWeb = successURL.map { $0.hasPrefix("https://") || $0.hasPrefix("http://") } ?? false
            self.successURL = isWeb ? successURL : nil
        }
    }
}
