export { SignInPage as SignInRoute } from "@/features/session/SignInPage";
