export { AnalyticsPage as AnalyticsRoute } from "@/features/analytics/AnalyticsPage";
