export { PhonePage as PhoneRoute } from "@/features/phone/PhonePage";
