// How all pages look, for those that are not files of their own.

/// Styles, as bytes of CSS.
package enum PageStyle {
  /// Colours, headings, tables, verdicts.
  package static var report: [UInt8] { PackageResources.report_css }
  /// Findings and the cells of a campaign.
  package static var campaign: [UInt8] { PackageResources.campaign_css }
}
