/// The files of `web/`, compiled into the binary: nothing ships beside it.
package enum WebAssets {
    package static var tillCSS: [UInt8] { PackageResources.till_css }
    package static var payJS: [UInt8] { PackageResources.pay_js }
    package static var setupJS: [UInt8] { PackageResources.setup_js }

    /// The templates by the name they have in `web/`, without `.mustache`.
    ///
    /// `page` is the frame that every other one fills in.
    package static var templates: [(name: String, text: [UInt8])] {
        [
            ("page", PackageResources.page_mustache), ("pay", PackageResources.pay_mustache),
            ("notice", PackageResources.notice_mustache), ("signin", PackageResources.signin_mustache),
            ("setup", PackageResources.setup_mustache), ("overview", PackageResources.overview_mustache),
            ("payments", PackageResources.payments_mustache), ("payment", PackageResources.payment_mustache),
            ("links", PackageResources.links_mustache),
        ]
    }
}
